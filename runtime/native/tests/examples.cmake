# The example in C is built and run on every type of pack; those in Java and Rust are in the folders of these.
set(examples "${CMAKE_SOURCE_DIR}/../../examples")
add_executable(example_c "${examples}/c/answer.c")
target_link_libraries(example_c PRIVATE bitfit)
foreach(type classification multi-label regression token-classification span embedding)
  add_test(NAME example_c_${type} COMMAND example_c "${BITFIT_VECTORS}/base" "${BITFIT_VECTORS}/packs/${type}-int8.safetensors"
                                          "Send the blue box to Anna." "")
endforeach()
