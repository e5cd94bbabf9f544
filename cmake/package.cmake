# What is installed: the library `peerage` (every layer in one archive) and the optional parts beside it, each with its
# CMake target (peerage::peerage, peerage::codecs, peerage::sim, peerage::signaling), and pkg-config files.
include(CMakePackageConfigHelpers)

set(layer_objects "")
foreach(layer IN LISTS PEERAGE_LAYERS)
  list(APPEND layer_objects $<TARGET_OBJECTS:${layer}>)
endforeach()
add_library(peerage ${layer_objects})
add_library(peerage::peerage ALIAS peerage)
target_link_libraries(peerage PUBLIC OpenSSL::SSL OpenSSL::Crypto PkgConfig::UV)
target_compile_features(peerage PUBLIC cxx_std_20)
target_include_directories(peerage PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(peerage PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE CXX)
set(packaged peerage)

# peerage_part(NAME LINK target...): the objects of the internal library peerage_NAME as an installed part.
function(peerage_part name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  if(NOT TARGET peerage_${name})
    return()
  endif()
  add_library(peerage_${name}_part $<TARGET_OBJECTS:peerage_${name}>)
  add_library(peerage::${name} ALIAS peerage_${name}_part)
  target_link_libraries(peerage_${name}_part PUBLIC peerage ${arg_LINK})
  set_target_properties(peerage_${name}_part PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME peerage_${name}
    LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/package LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/package)
  set(packaged ${packaged} peerage_${name}_part PARENT_SCOPE)
endfunction()

peerage_part(codecs LINK PkgConfig::VPX PkgConfig::OPUS PkgConfig::YUV)
peerage_part(sim)
peerage_part(signaling LINK PkgConfig::WEBSOCKETS)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/peerage)
install(TARGETS ${packaged} EXPORT peerage-targets)
install(EXPORT peerage-targets NAMESPACE peerage:: DESTINATION ${config_dir})
install(DIRECTORY include/peerage DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
configure_package_config_file(cmake/peerage-config.cmake.in ${PROJECT_BINARY_DIR}/peerage-config.cmake
                              INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/peerage-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/peerage-config.cmake ${PROJECT_BINARY_DIR}/peerage-config-version.cmake
        DESTINATION ${config_dir})

# From where the .pc file lies, so that the installed tree can be anywhere (cmake --install --prefix, DESTDIR, a move).
set(pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  file(RELATIVE_PATH up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" /prefix)
  string(REGEX REPLACE "/$" "" up "${up}")
  set(pc_prefix "\${pcfiledir}/${up}")
endif()
foreach(part peerage codecs sim signaling)
  if(EXISTS ${PROJECT_SOURCE_DIR}/cmake/${part}.pc.in)
    set(file peerage-${part}.pc)
    if(part STREQUAL "peerage")
      set(file peerage.pc)
    endif()
    configure_file(cmake/${part}.pc.in ${PROJECT_BINARY_DIR}/${file} @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endif()
endforeach()
