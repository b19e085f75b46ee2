/* What a service manager is told (sd_notify(3)): a datagram to the socket that $NOTIFY_SOCKET
 * names. Without one, nothing happens. */
#ifndef KEEPTAKE_SERVER_APP_NOTIFY_H
#define KEEPTAKE_SERVER_APP_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=…", "WATCHDOG=1"; lines. Never waits. */
void notify_manager(const char *lines);
/* How often the manager wants to hear WATCHDOG=1, in milliseconds; 0: not at all. */
uint64_t notify_watchdog_ms(void);
/* "RELOADING=1" as the manager wants it, with the time. */
void notify_reloading(void);

#endif
