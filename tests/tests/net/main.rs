//! Sockets, and the server kit on top of them.

mod cancel;
mod cancel_races;
mod descriptor_limit;
mod fairness;
mod limits;
mod serve;
mod serve_load;
mod sharing;
mod tcp;
mod udp;
mod unix;
mod unix_datagram;
