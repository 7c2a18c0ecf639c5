//! What all programs have in common.

use std::net::TcpListener;

use crate::support::{printed, run};

/// All programs.
const ALL: [&str; 7] = [
    env!("CARGO_BIN_EXE_http_client"),
    env!("CARGO_BIN_EXE_https"),
    env!("CARGO_BIN_EXE_hyper_axum"),
    env!("CARGO_BIN_EXE_postgres"),
    env!("CARGO_BIN_EXE_redis"),
    env!("CARGO_BIN_EXE_websocket"),
    env!("CARGO_BIN_EXE_work_queue"),
];

/// Those that listen.
const SERVERS: [&str; 3] = [
    env!("CARGO_BIN_EXE_https"),
    env!("CARGO_BIN_EXE_hyper_axum"),
    env!("CARGO_BIN_EXE_websocket"),
];

#[test]
fn every_program_explains_itself_and_refuses_what_it_does_not_know() {
    for path in ALL {
        let help = printed(path, &["--help"]);
        assert!(
            help.contains("Usage:") && help.contains("--help"),
            "{path}: {help}"
        );
        let output = run(path, &["--no-such-option"]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.contains("'--no-such-option'") && message.contains("'--help'"),
            "{message}"
        );
    }
}

#[test]
fn every_command_of_work_queue_explains_itself() {
    for command in ["produce", "work", "check"] {
        let help = printed(env!("CARGO_BIN_EXE_work_queue"), &[command, "--help"]);
        assert!(help.contains(&format!("work_queue {command}")), "{help}");
    }
}

#[test]
fn servers_say_that_a_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for path in SERVERS {
        let output = run(path, &["--addr", &addr]);
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.contains(&addr) && message.contains("AddrInUse"),
            "{message}"
        );
    }
}

#[test]
fn clients_say_which_server_they_miss() {
    for url in [
        "http://127.0.0.1:1",
        "rediss://127.0.0.1:1",
        "redis://127.0.0.1:1?protocol=resp3",
    ] {
        let output = run(env!("CARGO_BIN_EXE_redis"), &["--redis", url]);
        assert_eq!(output.status.code(), Some(2), "{url}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.contains("--redis") && message.contains(url),
            "{message}"
        );
    }
    let output = run(
        env!("CARGO_BIN_EXE_redis"),
        &["--redis", "redis://127.0.0.1:1"],
    );
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("127.0.0.1:1") && message.contains("refused"),
        "{message}"
    );
}
