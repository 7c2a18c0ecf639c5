//! Nothing of a scope lives longer than the scope, and its coroutines borrow only what does.

use may::coroutine;

fn handle_escapes() {
    let text = String::from("text");
    let mut handle = None;
    coroutine::scope(|scope| {
        handle = Some(scope.spawn(|| text.len()));
    });
    drop(text);
    handle.unwrap().join().unwrap();
}

fn scope_escapes() {
    let mut escaped = None;
    coroutine::scope(|scope| escaped = Some(scope));
    escaped.unwrap().spawn(|| ());
}

fn scope_reaches_a_detached_coroutine() {
    coroutine::scope(|scope| {
        coroutine::spawn(move || {
            scope.spawn(|| ());
        });
    });
}

fn local_of_the_closure() {
    coroutine::scope(|scope| {
        let text = String::from("text");
        scope.spawn(|| text.len());
    });
}

fn exclusively_twice() {
    let mut counter = 0;
    coroutine::scope(|scope| {
        scope.spawn(|| counter += 1);
        scope.spawn(|| counter += 1);
    });
}

fn main() {}
