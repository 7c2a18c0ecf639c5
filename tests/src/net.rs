//! Sockets for tests.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use may::net::{TcpListener, TcpStream};

/// A listener on a port that the system chooses.
pub fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Two ends of one connection.
pub fn pair() -> (TcpStream, TcpStream) {
    let listener = listener();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

/// Writes until there is no room left; returns the number of bytes.
pub fn fill(stream: &TcpStream) -> io::Result<usize> {
    use std::io::Write;
    let mut writer = stream;
    let mut written = 0;
    stream.set_nonblocking(true)?;
    loop {
        match writer.write(&[b'.'; 65536]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    stream.set_nonblocking(false)?;
    Ok(written)
}

/// A path of this test's own. What is there is removed when this is dropped.
#[derive(Debug)]
pub struct Temporary(pub PathBuf);

impl Temporary {
    /// Another path.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "no two are equal")]
    pub fn new() -> Temporary {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("may-test-{}-{number}", std::process::id());
        Temporary(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
