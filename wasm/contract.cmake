# cmake -DMODE=check|write -DFILE=contract.gen.ts [-DEMULATOR=node]
#       -DPROGRAM=generate_contract -P contract.cmake
execute_process(COMMAND ${EMULATOR} ${PROGRAM} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
if(MODE STREQUAL "write")
    file(WRITE ${FILE} "${text}")
    return()
endif()
file(READ ${FILE} committed)
if(NOT text STREQUAL committed)
    message(FATAL_ERROR "${FILE} differs from the C headers; "
                        "write it anew: cmake --build build/native --target contract")
endif()
