//! Our streams by the traits of tokio and of the futures crates.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use may::future::block_on;
use may::io::CoIo;
use may::net::{TcpListener, TcpStream};
use may::os::unix::net::UnixStream;
use may_tests::{everywhere, has};
use tokio::io::{AsyncRead, ReadBuf};

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

/// Reads a word by tokio's trait.
fn read_word(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut impl io::Write,
    buffer: &mut ReadBuf<'_>,
) {
    writer.write_all(b"word").unwrap();
    let before = buffer.filled().len();
    block_on(poll_fn(|context| {
        Pin::new(&mut *reader).poll_read(context, buffer)
    }))
    .unwrap();
    assert_eq!(&buffer.filled()[before..], b"word");
}

#[test]
fn what_is_read_need_not_be_initialised_before() {
    fn check(mut reader: impl AsyncRead + Unpin, mut writer: impl io::Write) {
        let mut place = [MaybeUninit::uninit(); 100];
        let mut buffer = ReadBuf::uninit(&mut place);
        buffer.put_slice(b"here ");
        read_word(&mut reader, &mut writer, &mut buffer);
        read_word(&mut reader, &mut writer, &mut buffer);
        assert_eq!(buffer.filled(), b"here wordword");
        // Nothing else has been touched.
        assert_eq!(buffer.initialized().len(), buffer.filled().len());
        // What was initialised stays so.
        let mut place = [7; 100];
        let mut buffer = ReadBuf::new(&mut place);
        read_word(&mut reader, &mut writer, &mut buffer);
        assert_eq!(buffer.initialized().len(), 100);
        assert_eq!(buffer.initialized()[4..], [7; 96]);
        // Into no room fits nothing.
        let mut buffer = ReadBuf::new(&mut []);
        block_on(poll_fn(|context| {
            Pin::new(&mut reader).poll_read(context, &mut buffer)
        }))
        .unwrap();
        // The end.
        drop(writer);
        let mut place = [MaybeUninit::uninit(); 100];
        let mut buffer = ReadBuf::uninit(&mut place);
        block_on(poll_fn(|context| {
            Pin::new(&mut reader).poll_read(context, &mut buffer)
        }))
        .unwrap();
        assert_eq!((buffer.filled().len(), buffer.initialized().len()), (0, 0));
    }
    everywhere(|_| {
        let (client, server) = may_tests::net::pair();
        check(server, client);
        let (client, server) = may_tests::net::pair();
        check(server.into_split().0, client);
        let (one, other) = UnixStream::pair().unwrap();
        check(&one, other);
        let (reader, writer) = std::io::pipe().unwrap();
        check(CoIo::new(reader).unwrap(), CoIo::new(writer).unwrap());
    });
}
