# Imported targets for the third-party prefixes that scripts/setup.mjs built:
#   kt::vpx kt::opus kt::webm kt::z kt::cjson kt::simde kt::cmocka
string(REGEX REPLACE "-.*" "" kt_kind ${KT_VARIANT})
include(${CMAKE_SOURCE_DIR}/build/prefixes-${kt_kind}.cmake OPTIONAL RESULT_VARIABLE kt_prefixes)
if(NOT kt_prefixes)
    message(FATAL_ERROR "build/prefixes-${kt_kind}.cmake is missing: run `node scripts/setup.mjs` "
                        "first (`--native` is enough for the native presets).")
endif()

# name: target kt::<name>; package: entry of build/prefixes.cmake; archive: file in lib/, or ""
function(kt_import name package archive)
    set(prefix "${KT_PREFIX_${package}_${KT_VARIANT}}")
    if(NOT IS_DIRECTORY "${prefix}")
        message(FATAL_ERROR "No ${package} for ${KT_VARIANT}: run `node scripts/setup.mjs` again.")
    endif()
    add_library(kt_${name} INTERFACE)
    target_include_directories(kt_${name} SYSTEM INTERFACE ${prefix}/include)
    if(archive)
        target_link_libraries(kt_${name} INTERFACE ${prefix}/lib/${archive})
    endif()
    add_library(kt::${name} ALIAS kt_${name})
endfunction()

kt_import(vpx libvpx libvpx.a)
kt_import(opus opus libopus.a)
kt_import(webm libwebm libwebm.a)
kt_import(z zlib libz.a)
kt_import(cjson cjson libcjson.a)
kt_import(simde simde "")
kt_import(cmocka cmocka libcmocka.a)
if(EMSCRIPTEN)
    # cmocka.h would define uintptr_t once more.
    target_compile_definitions(kt_cmocka INTERFACE _UINTPTR_T_DEFINED)
else()
    target_link_libraries(kt_vpx INTERFACE m pthread)
    target_link_libraries(kt_opus INTERFACE m)
endif()
