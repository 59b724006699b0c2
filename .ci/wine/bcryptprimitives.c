/* ProcessPrng, which every Rust program for Windows imports and Wine before 9 lacks.
 * It is documented by Microsoft as always succeeding; here the bytes come from RtlGenRandom
 * (exported by advapi32 as SystemFunction036). For Wine only. */
#include <stdlib.h>
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
    while (length > 0) {
        ULONG part = length > 0x10000000 ? 0x10000000 : (ULONG)length;
        if (!SystemFunction036(data, part))
            abort();
        data += part;
        length -= part;
    }
    return TRUE;
}
