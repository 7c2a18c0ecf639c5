//! The command line of a program, described by its own help text.

use std::{
    collections::BTreeMap, ffi::OsString, fmt::Display, io, net::ToSocketAddrs, num::NonZeroUsize,
    path::Path, process, str::FromStr, time::Duration,
};

use lexopt::{Arg, Parser};

/// The options that a program was started with.
///
/// The help text is the only description of them: a line that starts with `--name VALUE` declares
/// an option with a value, one that starts with `--name` a switch, and one that starts with `NAME...`
/// lets any number of arguments without a name follow. So the text that `--help` prints cannot fall
/// behind what the program accepts. Every mistake ends the program with exit code 2 and says what to
/// do instead.
///
/// ```no_run
/// use crate::Arguments;
///
/// const HELP: &str = "\
/// Usage: greet [options]
///
///   --times N  how often to greet (default 1)
///   --loud     greet in capitals
///   --help     show this text";
///
/// let args = Arguments::new(HELP);
/// for _ in 0..args.value("times", 1) {
///     println!("{}", if args.switch("loud") { "HELLO" } else { "hello" });
/// }
/// ```
#[derive(Debug)]
pub struct Arguments {
    /// The name of the program, for messages.
    program: String,
    /// What `--help` prints, and the declaration of the options.
    help: &'static str,
    /// The options that were given; a switch has an empty value.
    given: BTreeMap<&'static str, String>,
    /// The arguments without a name.
    rest: Vec<String>,
}

impl Arguments {
    /// Reads the command line of the process; `--help` prints `help` and exits.
    #[must_use]
    pub fn new(help: &'static str) -> Arguments {
        let mut args = std::env::args_os();
        let program = program(args.next());
        Arguments::parse_or_end(program, help, args)
    }

    /// Reads the command line of a program whose first argument is one of `commands`, each of which
    /// has a help text of its own; returns the command's name, too. `--help` in front of a command
    /// prints `help` and exits.
    #[must_use]
    pub fn of_command(
        help: &'static str,
        commands: &[(&'static str, &'static str)],
    ) -> (&'static str, Arguments) {
        let mut args = std::env::args_os();
        let program = program(args.next());
        let first = args.next().unwrap_or_default();
        if first == "--help" || first == "-h" {
            println!("{help}");
            process::exit(0);
        }
        match commands.iter().find(|(name, _)| first == *name) {
            Some((name, help)) => (
                *name,
                Arguments::parse_or_end(format!("{program} {name}"), help, args),
            ),
            None => refuse(&program, &unknown_command(&first, commands)),
        }
    }

    /// Reads `args`, or ends the program.
    fn parse_or_end(
        program: String,
        help: &'static str,
        args: impl Iterator<Item = OsString>,
    ) -> Arguments {
        match Arguments::parse(program.clone(), help, args) {
            Ok(Some(arguments)) => arguments,
            Ok(None) => {
                println!("{help}");
                process::exit(0);
            }
            Err(message) => refuse(&program, &message),
        }
    }

    /// Reads `args`; gives `None` when they ask for the help text.
    fn parse(
        program: String,
        help: &'static str,
        args: impl Iterator<Item = OsString>,
    ) -> Result<Option<Arguments>, String> {
        let mut given = BTreeMap::new();
        let mut rest = Vec::new();
        let mut parser = Parser::from_args(args);
        while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
            let name = match arg {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long(name) => name.to_owned(),
                Arg::Short(letter) => return Err(unknown(help, &format!("option '-{letter}'"))),
                Arg::Value(value) if takes_more(help) => match value.into_string() {
                    Ok(value) => {
                        rest.push(value);
                        continue;
                    }
                    Err(value) => {
                        return Err(format!(
                            "'{}' is not UTF-8\nhelp: give plain text",
                            value.display()
                        ));
                    }
                },
                Arg::Value(value) => {
                    return Err(unknown(help, &format!("argument '{}'", value.display())));
                }
            };
            let Some((name, line)) = declared(help).find(|(declared, _)| *declared == name) else {
                return Err(unknown(help, &format!("option '--{name}'")));
            };
            let value = if takes_value(line) {
                let value = parser.value().map_err(|_| {
                    format!("'--{name}' has no value\nhelp: give it one, as in: {line}")
                })?;
                value.into_string().map_err(|value| {
                    format!(
                        "'{}' is not UTF-8\nhelp: give --{name} plain text, as in: {line}",
                        value.display()
                    )
                })?
            } else {
                String::new()
            };
            given.insert(name, value);
        }
        Ok(Some(Arguments {
            program,
            help,
            given,
            rest,
        }))
    }

    /// Returns the value of `--name`, or `default` if it was not given.
    pub fn value<T>(&self, name: &str, default: T) -> T
    where
        T: FromStr,
        T::Err: Display,
    {
        self.optional(name).unwrap_or(default)
    }

    /// Returns the value of `--name` if it was given.
    pub fn optional<T>(&self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let line = self.line(name);
        let text = self.given.get(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => refuse(
                &self.program,
                &format!("'{text}' does not fit --{name}: {error}\nhelp: {line}"),
            ),
        }
    }

    /// Returns whether the switch `--name` was given.
    #[must_use]
    pub fn switch(&self, name: &str) -> bool {
        self.is_given(name)
    }

    /// Returns the arguments without a name, which a help text declares by a line that starts with
    /// `NAME...`.
    #[must_use]
    pub fn rest(&self) -> &[String] {
        &self.rest
    }

    /// Returns the address given by `--name`, which has been checked to be one.
    #[must_use]
    pub fn address(&self, name: &str, default: &str) -> String {
        let line = self.line(name);
        let addr = self.value(name, default.to_owned());
        match addr.to_socket_addrs() {
            Ok(_) => addr,
            Err(error) => refuse(
                &self.program,
                &format!("'{addr}' is not an address: {error}\nhelp: {line}"),
            ),
        }
    }

    /// Returns the number given by `--name`, which must not be 0, or `default`.
    #[must_use]
    pub fn at_least_one(&self, name: &str, default: usize) -> usize {
        self.optional(name).map_or(default, NonZeroUsize::get)
    }

    /// Returns whether `--name` was given.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.line(name);
        self.given.contains_key(name)
    }

    /// Says what is wrong with the arguments, and ends the program.
    pub fn refuse(&self, message: &str) -> ! {
        refuse(&self.program, message)
    }

    /// Gives the runtime as many workers as `--workers` says; the default is one for each CPU.
    pub fn configure_runtime(&self) {
        if let Some(workers) = self.optional::<NonZeroUsize>("workers") {
            may::config()
                .workers(workers.get())
                .expect("no coroutine has been started yet");
        }
    }

    /// Reports that a server cannot listen on `addr`, says what to do, and ends the program.
    pub fn cannot_listen(&self, addr: &str, error: &io::Error) -> ! {
        let help = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program is listening there: stop it, or choose another port with --addr \
                 HOST:PORT (port 0 takes any free one)"
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 are reserved: choose a higher one",
            io::ErrorKind::AddrNotAvailable => {
                "this machine does not have that address: 127.0.0.1 is only local, 0.0.0.0 is \
                 every one that it has"
            }
            _ => "choose another address with --addr HOST:PORT",
        };
        eprintln!(
            "{}: cannot listen on {addr}: {error}\nhelp: {help}",
            self.program
        );
        process::exit(1);
    }

    /// Returns the line of the help text that declares `name`.
    fn line(&self, name: &str) -> &'static str {
        declared(self.help)
            .find(|(declared, _)| *declared == name)
            .map(|(_, line)| line)
            .unwrap_or_else(|| panic!("the help text does not declare --{name}"))
    }
}

/// A time, given in seconds as a decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seconds, String> {
        let seconds: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
        let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
        Ok(Seconds(duration))
    }
}

/// Names a program after its file.
fn program(path: Option<OsString>) -> String {
    let path = path.unwrap_or_default();
    let name = Path::new(&path).file_stem().unwrap_or(&path);
    name.to_string_lossy().into_owned()
}

/// Says whether a help text declares arguments without a name.
fn takes_more(help: &str) -> bool {
    help.lines().any(|line| {
        let first = line.split_whitespace().next().unwrap_or_default();
        first.ends_with("...") && first.starts_with(|first: char| first.is_ascii_uppercase())
    })
}

/// Lists the options that a help text declares, each with its line.
fn declared(help: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    help.lines().map(str::trim).filter_map(|line| {
        let name = line.strip_prefix("--")?.split_whitespace().next()?;
        Some((name, line))
    })
}

/// Says whether the option declared by `line` takes a value, which is written in capitals.
fn takes_value(line: &str) -> bool {
    let second = line.split_whitespace().nth(1).unwrap_or_default();
    second.starts_with(|first: char| first.is_ascii_uppercase())
}

/// Words the refusal of something that the help text does not declare.
fn unknown(help: &'static str, what: &str) -> String {
    let names: Vec<String> = declared(help)
        .map(|(name, _)| format!("--{name}"))
        .collect();
    format!("unknown {what}\nhelp: the options are {}", names.join(", "))
}

/// Words the refusal of a command that the program does not have.
fn unknown_command(first: &OsString, commands: &[(&'static str, &'static str)]) -> String {
    let what = match first.is_empty() {
        true => "no command".to_owned(),
        false => format!("unknown command '{}'", first.display()),
    };
    let names: Vec<&str> = commands.iter().map(|(name, _)| *name).collect();
    format!("{what}\nhelp: the commands are {}", names.join(", "))
}

/// Reports a mistake on the command line and ends the program.
fn refuse(program: &str, message: &str) -> ! {
    eprintln!("{program}: {message}");
    process::exit(2);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A help text with an option and a switch.
    const HELP: &str = "\
Usage: greet [options]

  --times N  how often to greet (default 1)
  --loud     greet in capitals
  --help     show this text";

    /// Parses `args`, which must not ask for help.
    fn parse(args: &[&str]) -> Result<Arguments, String> {
        let args = args.iter().map(OsString::from);
        let arguments = Arguments::parse("greet".to_owned(), HELP, args)?;
        Ok(arguments.expect("help was not asked for"))
    }

    #[test]
    fn options_that_are_not_given_have_their_defaults() {
        let args = parse(&[]).unwrap();
        assert_eq!(args.value("times", 1), 1);
        assert_eq!(args.optional::<u32>("times"), None);
        assert!(!args.switch("loud"));
    }

    #[test]
    fn values_follow_after_a_space_or_an_equals_sign() {
        assert_eq!(parse(&["--times", "3"]).unwrap().value("times", 1), 3);
        let args = parse(&["--loud", "--times=4"]).unwrap();
        assert_eq!(args.value("times", 1), 4);
        assert!(args.switch("loud"));
    }

    #[test]
    fn times_are_numbers_of_seconds() {
        assert_eq!("1.5".parse(), Ok(Seconds(Duration::from_millis(1500))));
        assert_eq!("0".parse(), Ok(Seconds(Duration::ZERO)));
        for wrong in ["-1", "inf", "1s", ""] {
            assert!(wrong.parse::<Seconds>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn mistakes_name_what_would_be_right() {
        let message = parse(&["--time", "3"]).unwrap_err();
        assert!(
            message.contains("'--time'") && message.contains("--times"),
            "{message}"
        );
        let message = parse(&["--times"]).unwrap_err();
        assert!(message.contains("'--times' has no value"), "{message}");
        let message = parse(&["3"]).unwrap_err();
        assert!(message.contains("'3'"), "{message}");
    }

    #[test]
    fn arguments_without_a_name_are_taken_if_the_help_text_has_them() {
        const HELP: &str = "\
Usage: fetch [options] URL...

  URL...     what to fetch
  --times N  how often";
        let args = ["a", "--times", "2", "b"].iter().map(OsString::from);
        let args = Arguments::parse("fetch".to_owned(), HELP, args).unwrap();
        let args = args.expect("help was not asked for");
        assert_eq!(args.rest(), ["a", "b"]);
        assert_eq!(args.value("times", 1), 2);
    }

    #[test]
    fn a_wrong_command_names_the_right_ones() {
        let commands = [("work", ""), ("check", "")];
        let message = unknown_command(&"wrok".into(), &commands);
        assert!(
            message.contains("'wrok'") && message.contains("work, check"),
            "{message}"
        );
        assert!(unknown_command(&"".into(), &commands).starts_with("no command"));
    }

    #[test]
    fn help_is_asked_for_in_two_ways() {
        for flag in ["--help", "-h"] {
            let args = [OsString::from(flag)].into_iter();
            assert!(
                Arguments::parse("greet".to_owned(), HELP, args)
                    .unwrap()
                    .is_none()
            );
        }
    }

    #[test]
    #[should_panic(expected = "does not declare --quiet")]
    fn an_option_that_help_does_not_mention_does_not_exist() {
        let _ = parse(&[]).unwrap().switch("quiet");
    }
}
