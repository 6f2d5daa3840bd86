# Embeds files in a library, in the order given, as an array of pairs of pointers (begin, end) named <symbol> that ends
# with two null pointers. An edited file is embedded again.
function(kqlc_embed_files target symbol)
  set(bytes "  .section .rodata\n")
  set(table "  .section .data.rel.ro,\"aw\"\n  .balign 8\n  .global ${symbol}\n${symbol}:\n")
  set(number 0)
  foreach(file ${ARGN})
    string(APPEND bytes "${symbol}_${number}_begin:\n  .incbin \"${file}\"\n${symbol}_${number}_end:\n  .byte 0\n")
    string(APPEND table "  .quad ${symbol}_${number}_begin, ${symbol}_${number}_end\n")
    math(EXPR number "${number} + 1")
  endforeach()
  set(assembly ${CMAKE_BINARY_DIR}/${symbol}.S)
  file(GENERATE OUTPUT ${assembly} CONTENT
       "${bytes}${table}  .quad 0, 0\n  .section .note.GNU-stack,\"\",@progbits\n")
  set_source_files_properties(${assembly} PROPERTIES OBJECT_DEPENDS "${ARGN}" LANGUAGE ASM GENERATED TRUE)
  target_sources(${target} PRIVATE ${assembly})
endfunction()
