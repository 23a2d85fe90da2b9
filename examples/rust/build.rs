//! Lets the program find libbitfit where it was built.

fn main() {
    if let Ok(folder) = std::env::var("BITFIT_LIBRARY_DIR") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
        println!("cargo:rustc-link-arg=-Wl,-rpath-link,{folder}/lib");
    }
}
