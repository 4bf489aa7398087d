# What `cmake --install` puts where, and the Debian packages that `cpack` makes of it: pando-agent (what goes into programs), pando (the
# command with its receiver), libpando-dev. tests/packaging/ builds them and uses what is in them.
if(CMAKE_LIBRARY_ARCHITECTURE AND EXISTS /etc/debian_version) # under any prefix, so that packages (for /usr) are as installations are
    set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH "Where libraries go")
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The worker is found beside libpando.so, and `pando` finds that from its own folder.
install(TARGETS pando_agent EXPORT pandoTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT agent
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS pando_worker LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT agent)
install(PROGRAMS packaging/bundle DESTINATION ${CMAKE_INSTALL_DATADIR}/pando COMPONENT agent)
install(TARGETS pando RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
set(manual ${PROJECT_BINARY_DIR}/manual) # the command tells what its options are
file(MAKE_DIRECTORY ${manual})
add_custom_command(OUTPUT ${manual}/pando.1 COMMAND ${PROJECT_SOURCE_DIR}/script/manual $<TARGET_FILE:pando> ${manual}
    DEPENDS pando packaging/pando.1 script/manual VERBATIM)
add_custom_target(manual ALL DEPENDS ${manual}/pando.1)
install(DIRECTORY ${manual}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command FILES_MATCHING PATTERN "*.1")
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/script/manual OUTPUT_FILE ${PROJECT_BINARY_DIR}/libpando.7 COMMAND_ERROR_IS_FATAL ANY)
install(FILES ${PROJECT_BINARY_DIR}/libpando.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 COMPONENT agent)
install(FILES packaging/pando.bash RENAME pando DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT command)
install(FILES packaging/_pando DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT command)
install(FILES packaging/pando.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT command)
install(FILES packaging/pando-receiver.service DESTINATION lib/systemd/system COMPONENT command)
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/pando-agent COMPONENT agent)
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/pando COMPONENT command)
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libpando-dev COMPONENT dev)

install(FILES include/pando.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
file(RELATIVE_PATH PANDO_LIBDIR_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR} /prefix)
string(REGEX REPLACE "/$" "" PANDO_LIBDIR_TO_PREFIX "${PANDO_LIBDIR_TO_PREFIX}")
configure_file(packaging/pando.pc.in pando.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pando.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
install(EXPORT pandoTargets NAMESPACE pando:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/pando COMPONENT dev)
configure_package_config_file(packaging/pandoConfig.cmake.in pandoConfig.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/pando)
write_basic_package_version_file(pandoConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pandoConfig.cmake ${PROJECT_BINARY_DIR}/pandoConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/pando COMPONENT dev)

set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL agent command dev)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "The Pando authors <pando@localhost>")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_AGENT_PACKAGE_NAME pando-agent)
set(CPACK_DEBIAN_AGENT_DESCRIPTION "sampling profiler that lives in the program: the library\n Preloaded into a program, or linked, it samples every thread's stack and posts\n call trees to a receiver.")
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME pando)
set(CPACK_DEBIAN_COMMAND_PACKAGE_DEPENDS "pando-agent (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_COMMAND_DESCRIPTION "sampling profiler that lives in the program: the command\n Runs programs under the profiler, takes their profiles, shows flame graphs in a\n browser.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libpando-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "pando-agent (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_DESCRIPTION "sampling profiler that lives in the program: to link it\n Header, CMake package and pkg-config file.")
include(CPack)
