//! Half of a stream does half of what the stream does.

use std::io::{Read, Write};

use may::net::TcpStream;
use may::select;

fn main() {
    let stream = TcpStream::connect("127.0.0.1:1").unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let _ = reader.write(b"x");
    let _ = writer.read(&mut [0]);
    select! {
        _ = write(reader, b"x") => {}
        _ = read(writer, &mut [0]) => {}
    }
}
