//! Our streams by the traits of tokio and of the futures crates.

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use may::future::block_on;
use may::io::CoIo;
use may::net::{TcpListener, TcpStream};
use may_tests::{everywhere, has};

#[test]
fn each_stream_has_the_traits() {
    type Pipe = CoIo<std::io::PipeReader>;
    assert!(has!(TcpStream: futures_lite::AsyncRead) && has!(TcpStream: futures_lite::AsyncWrite));
    assert!(has!(TcpStream: tokio::io::AsyncRead) && has!(TcpStream: tokio::io::AsyncWrite));
    assert!(has!(&TcpStream: futures_lite::AsyncRead) && has!(&TcpStream: tokio::io::AsyncWrite));
    assert!(has!(Pipe: futures_lite::AsyncRead) && has!(Pipe: tokio::io::AsyncRead));
    assert!(has!(TcpStream: Unpin) && has!(Pipe: Unpin));
}

#[test]
fn bytes_go_by_the_futures_traits() {
    everywhere(|place| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = place.start(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            block_on(async {
                stream.write_all(&[7; 1_000_000]).await.unwrap();
                stream.flush().await.unwrap();
                stream.close().await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                answer
            })
        });
        let (stream, _) = listener.accept().unwrap();
        block_on(async {
            let (mut reads, mut writes) = (&stream, &stream);
            let mut received = Vec::new();
            reads.read_to_end(&mut received).await.unwrap();
            let answer = format!("{} bytes", received.len());
            writes.write_all(answer.as_bytes()).await.unwrap();
            writes.close().await.unwrap();
        });
        assert_eq!(client.join(), "1000000 bytes");
    });
}
