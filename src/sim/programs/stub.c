/* build: -shared -fPIC -nostdlib -ffreestanding -O2 -Wl,--hash-style=both -Wl,--build-id=none -Wl,-soname,berth-simulated-soname-placeholder-which-is-patched-to-the-name-of-one-driver-library-0123456789 */
/*
 * Stands for each driver library that nobody calls: a real shared library with nothing in it. Its soname is a
 * placeholder of 96 bytes that `patchSoname` in ../patch.ts replaces.
 */
__attribute__((visibility("default"))) const int berth_simulated_library = 1;
