/** The two bits of ERROR, apart: the kernel's EPOLLERR. */
export const FAILED = 0x08;
/** The kernel's EPOLLHUP. */
export const HUNG_UP = 0x10;
