//! smoke
use may::{channel, coroutine};
use std::time::{Duration, Instant};
#[test]
fn all() {
    assert_eq!(coroutine::spawn(|| 2).join().unwrap(), 2);
    let (tx, rx) = channel::bounded(4);
    let t = coroutine::spawn(move || { for i in 0..1000 { tx.send(i).unwrap(); } });
    let mut n = 0; while let Ok(x) = rx.recv() { n += x; }
    t.join().unwrap();
    assert_eq!(n, 499500);
    let s = Instant::now();
    coroutine::spawn(|| coroutine::sleep(Duration::from_millis(20))).join().unwrap();
    eprintln!("{:?}", s.elapsed());
    let mut v = vec![0; 100];
    coroutine::scope(|s| { for (i, x) in v.iter_mut().enumerate() { s.spawn(move || { coroutine::yield_now(); *x = i; }); } });
    assert_eq!(v.iter().sum::<usize>(), 4950);
    let h = coroutine::spawn(coroutine::park);
    h.cancel();
    assert!(h.join().unwrap_err().is::<coroutine::Cancelled>());
    let h = coroutine::spawn(|| panic!("boo"));
    assert!(h.join().is_err());
    let rt = may::Runtime::builder().workers(3).build().unwrap();
    let hs: Vec<_> = (0..10000).map(|i| rt.spawn(move || { coroutine::yield_now(); i })).collect();
    let n: i32 = rt.run(|| hs.into_iter().map(|h| h.join().unwrap()).sum());
    assert_eq!(n, 49995000);
    rt.spawn(coroutine::park);
    rt.shutdown(Duration::from_secs(5)).unwrap();
}
