//! Copying between streams.

use may::io::copy_bidirectional;
use may::net::Shutdown;
use may::os::unix::net::UnixStream;

use crate::row::{Row, Subject, waits};

/// Both sides of what is copied between.
struct Sides {
    client: UnixStream,
    front: UnixStream,
    back: UnixStream,
    server: UnixStream,
}

pub(crate) fn rows() -> Vec<Row> {
    Subject::new(
        "two connections",
        || {
            let (client, front) = UnixStream::pair().unwrap();
            let (back, server) = UnixStream::pair().unwrap();
            Sides {
                client,
                front,
                back,
                server,
            }
        },
        |sides: &Sides| {
            for stream in [&sides.client, &sides.server] {
                stream.shutdown(Shutdown::Write).unwrap();
            }
        },
    )
    .for_one()
    .rows([waits("copy/mod.rs copy_bidirectional", |sides, _| {
        copy_bidirectional(&sides.front, &sides.back).is_ok()
    })])
}
