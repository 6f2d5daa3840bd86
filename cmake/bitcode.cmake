# Compiles a source to LLVM bitcode with the clang of the same LLVM and embeds it in a library as the bytes
# kqlc_bitcode_begin .. kqlc_bitcode_end. Never sanitized: the native twin of every function is. The dependency file
# makes an edit of any header it includes compile it again.
find_program(KQLC_BITCODE_CLANG NAMES clang++-19 clang++ HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)

function(kqlc_embed_bitcode target source)
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${source})
    return()
  endif()
  set(bitcode ${CMAKE_BINARY_DIR}/slots.bc)
  set(assembly ${CMAKE_BINARY_DIR}/bitcode.S)
  add_custom_command(
    OUTPUT ${bitcode}
    COMMAND ${KQLC_BITCODE_CLANG} -std=c++20 -O2 -emit-llvm -c -fno-exceptions -fno-rtti -ffp-contract=off -fPIC
            -fno-asynchronous-unwind-tables -fno-stack-protector -fno-threadsafe-statics -Wno-everything
            -I${CMAKE_SOURCE_DIR} -I${KQLC_THIRD_PARTY}/rure/include
            -MD -MF ${bitcode}.d -MT ${bitcode} -o ${bitcode} ${CMAKE_SOURCE_DIR}/${source}
    DEPENDS ${CMAKE_SOURCE_DIR}/${source}
    DEPFILE ${bitcode}.d
    VERBATIM)
  file(WRITE ${assembly}.in
"  .section .rodata
  .global kqlc_bitcode_begin
  .global kqlc_bitcode_end
  .balign 16
kqlc_bitcode_begin:
  .incbin \"${bitcode}\"
kqlc_bitcode_end:
  .byte 0
  .section .note.GNU-stack,\"\",@progbits
")
  configure_file(${assembly}.in ${assembly} COPYONLY)
  set_source_files_properties(${assembly} PROPERTIES OBJECT_DEPENDS ${bitcode} LANGUAGE ASM)
  target_sources(${target} PRIVATE ${assembly})
endfunction()
