//! Links libbitfit, which CMake builds in the folder that BITFIT_LIBRARY_DIR names.

fn main() {
    println!("cargo:rerun-if-env-changed=BITFIT_LIBRARY_DIR");
    let folder = std::env::var("BITFIT_LIBRARY_DIR").unwrap_or_else(|_| "../../../build".to_string());
    println!("cargo:rustc-link-search=native={folder}");
    println!("cargo:rustc-link-lib=dylib=bitfit");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    println!("cargo:rustc-link-arg=-Wl,-rpath-link,{folder}/lib");
}
