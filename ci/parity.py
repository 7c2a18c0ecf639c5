#!/usr/bin/env python3
"""Holds the tables of tests/tests/parity against the documentation of what they are tables of.

The tables say of each function and each trait that std's type (or crossbeam-channel's) and ours have it, and the compiler
checks that. What the compiler cannot see is a row that is not there. So this reads the pages that rustdoc made of the
original, which rustup installs with the toolchain (component rust-docs), and wants a row for each stable function, variant,
field and trait, and for each item of the module. It prints what has none and fails.

A row is one of these, whose subject begins with the name of the type:

    function!(Type::name [..]: ..)     an associated function, a method, or a variant with fields
    constant!(Type = Type::name(..))   a `const fn`, a constant, a unit variant, a tuple struct with public fields
    implements!(Type: Trait + ..)      a trait
    lacks!(Type: Trait)                an auto trait that the type has not
    same!(Type)                        all at once: ours is the original

    ci/parity.py [--html DIR] [--crossbeam DIR] [--list]
"""

import argparse
import html.parser
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Traits that nobody can name on a stable compiler. rustdoc marks unstable items, but not implementations of unstable traits.
UNSTABLE = set(
    """Freeze UnsafeUnpin CoerceUnsized DispatchFromDyn PinCoerceUnsized DerefPure TrustedLen UseCloned CloneFromCell
    StructuralPartialEq SendTimeoutError""".split()
)
# What a programmer cannot ask a type for (the tests of behaviour have it), and what std lets nobody else implement.
SKIPPED = set("Drop TcpStreamExt UnixSocketExt IsTerminal DirEntryExt2 OpenOptionsExt2 ChildExt CommandExt StdioExt".split())
# rustdoc shows these on every platform; rows for them would compile on Windows only.
WINDOWS = set(
    "AsSocket AsRawSocket FromRawSocket IntoRawSocket OwnedSocket AsHandle AsRawHandle FromRawHandle IntoRawHandle OwnedHandle".split()
)


# The oldest Rust that the tables have to compile with.
OLDEST = tuple(map(int, re.search(r'rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text())[1].split(".")))


def is_later(attributes):
    """Whether a mark says that something is stable since a later version."""
    version = re.search(r"since Rust version ([\d.]+)", attributes.get("title") or "")
    return bool(version) and tuple(map(int, version[1].split(".")))[: len(OLDEST)] > OLDEST


class Page(html.parser.HTMLParser):
    """The items of one page of a type."""

    def __init__(self, text):
        super().__init__()
        self.items = []  # [section, class, id, header, stable]
        self.stable = True
        self.section = ""
        self.header = 0  # Depth of tags inside the header that is being read.
        self.open = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        classes = (attributes.get("class") or "").split()
        name = attributes.get("id") or ""
        if tag == "h2" and "section-header" in classes:
            self.section = name
        elif tag == "section" or name.startswith("structfield."):
            if name and classes and name != "main-content":
                self.items.append([self.section, classes[0], name, "", True])
                self.open = True
        elif tag in ("h3", "h4") and "code-header" in classes and self.items:
            self.header = 1
            return
        elif "docblock" in classes:
            self.open = False
        elif ("stab" in classes and "unstable" in classes) or ("since" in classes and is_later(attributes)):
            if not self.items:
                self.stable = False
            elif self.open:
                self.items[-1][4] = False
        if self.header and tag not in ("br", "wbr", "img"):
            self.header += 1
            if tag == "div":
                self.items[-1][3] += " "

    def handle_endtag(self, tag):
        if self.header and tag not in ("br", "wbr", "img"):
            self.header -= 1

    def handle_data(self, data):
        if self.header:
            self.items[-1][3] += data


def after_brackets(text):
    """What follows the balanced <..> at the beginning of a text, or the text."""
    if not text.startswith("<"):
        return text
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "<") - (c == ">" and text[i - 1] != "-")
        if depth == 0:
            return text[i + 1 :].strip()
    raise ValueError(text)


def split(text, separator):
    """The parts of a text between separators that are in no brackets."""
    parts, depth = [""], 0
    for i, c in enumerate(text):
        depth += (c in "<([{") - (c in ")]}" or c == ">" and text[i - 1] not in "-=")
        if depth == 0 and text.startswith(separator, i):
            parts.append("")
        elif depth or len(parts) == 1 or parts[-1] or c not in separator:
            parts[-1] += c
    return [part.strip() for part in parts]


def key(text):
    """A type or trait as (name, [arguments]); `&` belongs to the name, lifetimes and bindings are no arguments."""
    text = re.sub(r"^&\s*('\w+\s+)?", "&", text.strip())
    name, _, arguments = text.partition("<")
    name = re.sub(r"(?:\w+::)*(\w+)$", r"\1", name.strip())
    arguments = split(arguments.rpartition(">")[0], ",")
    return name, [a for a in arguments if a and not a.startswith("'") and "=" not in a]


def traits(page, name, others):
    """What a type implements, less what the pages of the others say: (name, key of the trait, whether it is a "not")."""
    for section, kind, _, header, stable in page.items:
        if kind != "impl" or section not in ("trait-implementations", "synthetic-implementations"):
            continue
        found = re.match(r"(?:unsafe )?impl\b(.*)$", " ".join(header.split()))
        rest = found[1].strip()
        generics = set(re.findall(r"[<,]\s*(?:const )?(\w+)", rest[: len(rest) - len(after_brackets(rest))]))
        rest = re.split(r" where\b", after_brackets(rest))[0]
        trait, _, subject = rest.partition(" for ")
        missing = trait.startswith("!")
        trait = key(trait.removeprefix("!"))
        subject = key(subject)
        if trait[0] == "From" and subject[0].lstrip("&") != name:
            if subject[0] in others:
                continue
            subject, trait = key(trait[1][0]), ("Into", [subject[0]])
        if stable and subject[0].lstrip("&") == name:
            arguments = ["_" if a in generics or len(a) == 1 else key(a)[0] for a in trait[1]]
            if {trait[0], *arguments} & (UNSTABLE | SKIPPED | WINDOWS):
                continue
            yield subject[0], (trait[0], arguments), missing


class Table:
    """The rows of one file."""

    def __init__(self, path):
        text = re.sub(r"//[^\n]*", "", path.read_text())
        self.text = text
        self.functions, self.constants, self.traits, self.same = set(), set(), [], set()
        for found in re.finditer(r"\b(function|constant|implements|lacks|same)!\s*[({]", text):
            row = self.balanced(text, found.end() - 1)
            kind = found[1]
            if kind == "function":
                self.functions.add(re.match(r"[\w:]*?(\w+::\w+)\s*\[", row)[1])
            elif kind == "constant":
                expression = row.split(" = ", 1)[1]
                self.constants.update(re.findall(r"\b(\w+::\w+)\b", expression))
                self.constants.add(re.match(r"[\w:]*", expression)[0])
            elif kind == "same":
                self.same.update(re.findall(r"\w+", row))
            else:
                subject, bounds = split(row.replace("::", "\0"), ":")
                subject = key(subject.replace("\0", "::"))
                for bound in split(bounds.replace("\0", "::"), "+"):
                    self.traits.append((subject[0], key(bound), kind == "lacks"))

    @staticmethod
    def balanced(text, start):
        depth = 0
        for i in range(start, len(text)):
            depth += (text[i] in "([{") - (text[i] in ")]}")
            if depth == 0:
                return " ".join(text[start + 1 : i].split())
        raise ValueError(text[start:])

    def has(self, subject, trait, missing):
        name, arguments = trait
        return any(
            row_subject == subject
            and row_missing == missing
            and row_trait[0] == name
            and len(row_trait[1]) == len(arguments)
            and all(a in ("_", key(b)[0]) for a, b in zip(arguments, row_trait[1]))
            for row_subject, row_trait, row_missing in self.traits
        )


class Check:
    def __init__(self, listing):
        self.missing, self.rows, self.listing = [], 0, listing

    def want(self, there, what):
        self.rows += 1
        if self.listing:
            print(("  " if there else "- ") + what)
        if not there:
            self.missing.append(what)

    def type(self, table, path, place):
        """Wants rows for everything that a page says of its type."""
        page = Page(path.read_text())
        name = path.name.split(".")[1]
        if not page.stable:
            return
        if name in table.same:
            self.want(True, f"same!({place}::{name})")
            return
        for section, kind, anchor, header, stable in page.items:
            item = anchor.split(".", 1)[-1]
            row = f"{name}::{item}"
            header = " ".join(header.split())
            if not stable:
                continue
            if anchor.startswith("variant.") and kind == "variant":
                self.want(row in table.functions | table.constants, f"{place}::{row} (variant)")
            elif anchor.startswith("structfield."):
                there = name in table.constants or re.search(rf"\.{item}\b", table.text)
                self.want(there, f"{place}::{name}.{item} (public field)")
            elif section == "implementations" and kind in ("method", "associatedconstant"):
                row = re.sub(r"-\d+$", "", row)
                if kind == "method":
                    self.want(row in table.functions, f"function!({place}::{row}): {header}")
                if re.match(r"pub const ", header) and not re.search(r"\((&|self)", header):
                    self.want(row in table.constants, f"constant!({place}::{row}): {header}")
        others = {other.name.split(".")[1] for other in path.parent.glob("*.*.html")}
        found = set((s, (t, tuple(a)), m) for s, (t, a), m in traits(page, name, others))
        for subject, trait, missing in sorted(found):
            macro = "lacks" if missing else "implements"
            shown = trait[0] + (f"<{', '.join(trait[1])}>" if trait[1] else "")
            self.want(table.has(subject, trait, missing), f"{macro}!({place}: {subject}: {shown})")

    def module(self, table, directory, place, only=None, skip=()):
        """Wants rows for all types, functions, and constants of a module."""
        for path in sorted(directory.glob("*.*.html")):
            kind, name, _ = path.name.split(".", 2)
            if name in skip or (only and name not in only) or "!" in name:
                continue
            if kind in ("struct", "enum"):
                self.type(table, path, place)
            elif kind in ("fn", "type", "constant", "trait") and Page(path.read_text()).stable:
                self.want(re.search(rf"\b{name}\b", table.text), f"{place}::{name} ({kind})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--html", type=pathlib.Path, help="documentation of std (the toolchain's)")
    parser.add_argument("--crossbeam", type=pathlib.Path, help="what `cargo doc` made of crossbeam-channel")
    parser.add_argument("--list", action="store_true", help="print what is there, too")
    options = parser.parse_args()

    docs = options.html
    if docs is None:
        sysroot = subprocess.check_output(["rustc", "--print", "sysroot"], text=True).strip()
        docs = pathlib.Path(sysroot) / "share/doc/rust/html"
    std = docs / "std" if (docs / "std").is_dir() else docs
    if not (std / "sync/struct.Mutex.html").is_file():
        sys.exit(f"no documentation of std in {docs}: rustup component add rust-docs")

    check = Check(options.list)
    tests = ROOT / "tests/tests/parity"
    sync = Table(tests / "sync.rs")
    check.module(sync, std / "sync", "sync")
    check.module(sync, std / "sync/mpsc", "sync::mpsc")
    check.module(sync, std / "sync/atomic", "sync::atomic")
    sockets = {"TcpStream", "TcpListener", "UdpSocket", "Incoming", "ToSocketAddrs"}
    check.module(Table(tests / "net.rs"), std / "net", "net", only=sockets)
    check.module(Table(tests / "net_unix.rs"), std / "os/unix/net", "os::unix::net")
    check.module(Table(tests / "fs.rs"), std / "fs", "fs")
    check.module(Table(tests / "fs.rs"), std / "os/unix/fs", "os::unix::fs")
    check.module(Table(tests / "process.rs"), std / "process", "process")
    streams = {"stdin", "stdout", "stderr", "Stdin", "StdinLock", "Stdout", "StdoutLock", "Stderr", "StderrLock"}
    check.module(Table(tests / "stdio.rs"), std / "io", "io", only=streams)
    if options.crossbeam:
        if not (options.crossbeam / "struct.Receiver.html").is_file():
            sys.exit(f"no documentation of crossbeam-channel in {options.crossbeam}")
        channel = Table(tests / "channel.rs")
        # The selecting half is another table.
        select = "Select SelectedOperation SelectTimeoutError TrySelectError ReadyTimeoutError TryReadyError".split()
        check.module(channel, options.crossbeam, "channel", skip={*select, "select", "select_biased"})

    for what in check.missing:
        print(f"no row for {what}")
    print(f"{check.rows - len(check.missing)} of {check.rows} have a row")
    sys.exit(1 if check.missing else 0)


if __name__ == "__main__":
    main()
