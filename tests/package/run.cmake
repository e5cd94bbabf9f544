# Installs the build into a folder of the test's own, builds the examples against it as a user would, and runs each.
# cmake -DBUILD=<build> -DSOURCE=<source> -DWORK=<folder> -P run.cmake
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\nended with ${result}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE}/examples -B ${WORK}/build -G Ninja -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/build)
foreach(example data_channel_hello negotiationneeded perfect_negotiation video_sender)
  run(${WORK}/build/${example})
endforeach()

# The tree can be moved: the program finds its page there, and pkg-config, without CMake, the library.
file(RENAME ${WORK}/prefix ${WORK}/moved)
run(${CMAKE_CURRENT_LIST_DIR}/page.sh ${WORK}/moved)
file(GLOB_RECURSE pkgconfig ${WORK}/moved/*/peerage.pc)
get_filename_component(folder ${pkgconfig} DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${folder})
execute_process(COMMAND pkg-config --cflags --libs peerage OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE
                RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "pkg-config does not find peerage in ${folder}")
endif()
separate_arguments(flags)
run(c++ -std=c++20 ${SOURCE}/examples/data_channel_hello.cpp -o ${WORK}/hello ${flags})
run(${WORK}/hello)
