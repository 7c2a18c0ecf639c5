use may::channel::Sender;
use may::select;

fn in_a_later_turn(tx: &Sender<String>, text: String) {
    loop {
        select! { _ = send(tx, text) => {} }
    }
}

fn temporary(tx: Sender<u8>, open: bool) -> Option<u8> {
    let none = || None::<Box<may::channel::Receiver<u8>>>;
    drop(tx);
    select! { m = recv(none().as_deref()) if open => m.ok() }
}

fn main() {}
