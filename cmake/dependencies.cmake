# Finds the libraries: Debian's packages, and the two of third_party/.
# LLVM counts a minor version as another interface, so it has to be named.
find_package(LLVM 19.1 REQUIRED CONFIG)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
# What is part of the kernel runtime is linked statically, so that a rule's object file needs that one library.
find_library(XXHASH libxxhash.a REQUIRED)
find_library(UTF8PROC libutf8proc.a REQUIRED)
find_library(BID libbidgcc000.a REQUIRED)
find_library(MD libmd.a REQUIRED)
find_library(EXPAT libexpat.a REQUIRED)
find_library(DEFLATE libz.a REQUIRED)
find_library(SIMDJSON simdjson REQUIRED)
find_library(ZSTD zstd REQUIRED)

foreach(library xxhash utf8proc simdjson bid md expat deflate zstd)
  string(TOUPPER ${library} variable)
  add_library(${library} UNKNOWN IMPORTED)
  set_target_properties(${library} PROPERTIES IMPORTED_LOCATION ${${variable}})
endforeach()

if(NOT EXISTS ${KQLC_THIRD_PARTY}/rure/lib/librure.a)
  message(FATAL_ERROR "no rure in ${KQLC_THIRD_PARTY}: run scripts/third_party, or set KQLC_THIRD_PARTY")
endif()
add_library(rure STATIC IMPORTED)
set_target_properties(rure PROPERTIES
  IMPORTED_LOCATION ${KQLC_THIRD_PARTY}/rure/lib/librure.a
  INTERFACE_INCLUDE_DIRECTORIES ${KQLC_THIRD_PARTY}/rure/include
  INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}")

# A system-wide Arrow C++ of the pinned version or newer wins over the wheel's.
find_package(Arrow 26 QUIET)
if(Arrow_FOUND)
  find_package(Parquet REQUIRED)
  add_library(arrow INTERFACE IMPORTED)
  target_link_libraries(arrow INTERFACE Arrow::arrow_shared)
  add_library(parquet INTERFACE IMPORTED)
  target_link_libraries(parquet INTERFACE Parquet::parquet_shared)
else()
  foreach(library arrow parquet)
    add_library(${library} SHARED IMPORTED)
    set_target_properties(${library} PROPERTIES
      IMPORTED_LOCATION ${KQLC_THIRD_PARTY}/arrow/lib/lib${library}.so
      INTERFACE_INCLUDE_DIRECTORIES ${KQLC_THIRD_PARTY}/arrow/include)
  endforeach()
endif()

separate_arguments(LLVM_DEFINITIONS_LIST NATIVE_COMMAND ${LLVM_DEFINITIONS})
list(FILTER LLVM_DEFINITIONS_LIST INCLUDE REGEX "^-D")
list(TRANSFORM LLVM_DEFINITIONS_LIST REPLACE "^-D" "")
llvm_map_components_to_libnames(KQLC_LLVM_LIBS core orcjit bitreader bitwriter irreader linker ipo passes
  scalaropts instcombine transformutils target x86codegen x86asmparser x86desc x86info)
