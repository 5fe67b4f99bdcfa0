/* The libcuda.so.1 of a CUDA forward compatibility package: it counts 77 devices, so that a test sees which library was found. */
int cuInit(unsigned int flags)
{
    return flags ? 1 : 0;
}

int cuDeviceGetCount(int *count)
{
    *count = 77;
    return 0;
}
