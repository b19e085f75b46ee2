# cmake -DCOMPILER=cc -DSOURCE=server-stub/src -DLINKS=build/server-stub/rooms -DROOM=name
#     -DSEES=x,y -DROOMS=all,of,them -DWORK=dir -P check_rooms.cmake
# A file of the room finds the headers of the rooms that it sees, and no others: to include one of a
# room above or aside, or what another room keeps for itself, does not compile. Reads that block
# (db/blocking.h) are for commands: of the rooms above db, app alone finds them.
cmake_minimum_required(VERSION 3.25)
string(REPLACE "," ";" SEES "${SEES}")
string(REPLACE "," ";" ROOMS "${ROOMS}")
string(REPLACE "/" "_" name ${ROOM})
file(MAKE_DIRECTORY ${WORK})

function(compiles text out)
    file(WRITE ${WORK}/${name}.c "${text}typedef int some_declaration;\n")
    execute_process(COMMAND ${COMPILER} -std=c11 -D_GNU_SOURCE -fsyntax-only -I${LINKS}/${name}
            ${WORK}/${name}.c
        RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE errors)
    set(${out} ${result} PARENT_SCOPE)
    set(errors "${errors}" PARENT_SCOPE)
endfunction()

set(tried 0)
set(questions "")
foreach(other IN LISTS ROOMS)
    file(GLOB headers RELATIVE ${SOURCE} ${SOURCE}/${other}/*.h ${SOURCE}/${other}/tool/*.h)
    foreach(header IN LISTS headers)
        set(kept OFF)
        if(header MATCHES "_internal\\.h$" OR
                (header STREQUAL "db/blocking.h" AND NOT ROOM STREQUAL "app"))
            set(kept ON)
        endif()
        if(other STREQUAL ROOM OR (other IN_LIST SEES AND NOT kept))
            string(APPEND questions "#if !__has_include(\"${header}\")\n"
                "#error ${header} is not found\n#endif\n")
        else()
            string(APPEND questions "#if __has_include(\"${header}\")\n"
                "#error ${header} is found\n#endif\n")
            set(planted ${header})
        endif()
    endforeach()
    if(DEFINED planted)
        compiles("#include \"${planted}\"\n" result)
        if(result EQUAL 0)
            message(SEND_ERROR "${ROOM}: an #include of \"${planted}\" compiles")
        endif()
        math(EXPR tried "${tried} + 1")
        unset(planted)
    endif()
endforeach()
compiles("${questions}" result)
if(NOT result EQUAL 0)
    message(SEND_ERROR "${ROOM}: ${errors}")
endif()

# Nor may a path lead around the links.
file(GLOB files ${SOURCE}/${ROOM}/*.[ch] ${SOURCE}/${ROOM}/tool/*.[ch])
foreach(file IN LISTS files)
    file(STRINGS ${file} paths REGEX "#[ \t]*include[ \t]*[\"<]([./]|.*/\\.\\./)")
    if(paths)
        message(SEND_ERROR "${file}: ${paths}")
    endif()
endforeach()
message(STATUS "${ROOM}: ${tried} includes that point up or aside do not compile")
