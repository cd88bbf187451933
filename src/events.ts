/** Data can be read, a connection can be accepted, or the peer has finished. */
export const READ = 0x01;
/** Priority data: TCP out-of-band data, a changed sysfs or GPIO value. */
export const PRI = 0x02;
/** Data can be written, or a connection attempt has ended. */
export const WRITE = 0x04;
/**
 * An error (0x08) or a hang-up (0x10). Always watched beside READ, WRITE and PRI; alone, it is reported
 * once, as with EDGE. It brings along those of READ and WRITE that the handler asked for, so that a handler which
 * knows only those still finds out, by reading or writing.
 */
export const ERROR = 0x18;
/**
 * Mode: one report for each arrival (edge-triggered). Without it, as long as the fd is ready. A report can
 * come once more, never get lost, when the loop has to make the kernel's queue anew.
 */
export const EDGE = 0x20;
/** Mode: one report, then silence until `updateHandler`, also for errors. */
export const ONESHOT = 0x40;

/** What a registration can watch for; without one of these bits it is paused. */
export const INTEREST = READ | PRI | WRITE | ERROR;
/** Modes that `updateHandler` arms again, also when the mask is the same. */
export const REARMED = EDGE | ONESHOT;
/** Every bit that a mask may hold. */
export const KNOWN = INTEREST | REARMED;
