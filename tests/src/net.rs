//! Sockets for tests.

use std::io;

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

/// Writes until there is no room any more; returns how many bytes that were.
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
