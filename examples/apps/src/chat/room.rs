//! Who is where, and who is told what.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use may::{
    channel::{self, Receiver, Sender},
    sync::{CancelToken, Mutex},
};
use tungstenite::Utf8Bytes;

/// All rooms. Each is there as long as somebody is in it.
#[derive(Clone, Debug, Default)]
pub struct Rooms {
    /// A short lock: nobody waits while holding it.
    open: Arc<Mutex<Open>>,
}

/// The rooms in which somebody is.
#[derive(Debug, Default)]
struct Open {
    /// The number of the next guest.
    next: u64,
    /// By the rooms' names, the guests by their numbers.
    rooms: HashMap<String, HashMap<u64, Present>>,
}

/// A guest, as others see it.
#[derive(Debug)]
struct Present {
    name: String,
    /// What waits to be told to the guest.
    queue: Sender<Utf8Bytes>,
    /// Cancelled when there was no room in the queue.
    overrun: CancelToken,
}

/// A guest's place in a room, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    rooms: Rooms,
    room: String,
    number: u64,
    /// What the guest is to be told.
    pub(super) messages: Receiver<Utf8Bytes>,
    /// Cancelled when the guest has not kept up, and has to go.
    pub(super) overrun: CancelToken,
}

impl Rooms {
    /// Makes a house with no open rooms.
    #[must_use]
    pub fn new() -> Rooms {
        Rooms::default()
    }

    /// Lets a guest into a room, for whom at most `backlog` messages may wait.
    pub(super) fn enter(&self, room: &str, name: &str, backlog: usize) -> Place {
        let (queue, messages) = channel::bounded(backlog);
        let overrun = CancelToken::new();
        let mut open = self.open.lock().unwrap();
        let number = open.next;
        open.next += 1;
        let guests = open.rooms.entry(room.to_owned()).or_default();
        let present = Present {
            name: name.to_owned(),
            queue,
            overrun: overrun.clone(),
        };
        guests.insert(number, present);
        let count = guests.len().to_string();
        for (other, guest) in guests {
            match *other == number {
                true => guest.tell(&message("here", name, &count)),
                false => guest.tell(&message("came", name, &count)),
            }
        }
        Place {
            rooms: self.clone(),
            room: room.to_owned(),
            number,
            messages,
            overrun,
        }
    }
}

impl Place {
    /// Tells everybody in the room what the guest says.
    pub(super) fn say(&self, text: &str) {
        let open = self.rooms.open.lock().unwrap();
        let Some(guests) = open.rooms.get(&self.room) else {
            return;
        };
        let Some(own) = guests.get(&self.number) else {
            return;
        };
        let message = message("said", &own.name, text);
        guests.values().for_each(|guest| guest.tell(&message));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.rooms.open.lock().unwrap();
        let Entry::Occupied(mut room) = open.rooms.entry(self.room.clone()) else {
            return;
        };
        let Some(own) = room.get_mut().remove(&self.number) else {
            return;
        };
        if room.get().is_empty() {
            room.remove();
            return;
        }
        let message = message("left", &own.name, &room.get().len().to_string());
        room.get().values().for_each(|guest| guest.tell(&message));
    }
}

impl Present {
    /// Queues a message. If there is no room for it, the guest has to go.
    fn tell(&self, message: &Utf8Bytes) {
        if !self.overrun.is_cancelled() && self.queue.try_send(message.clone()).is_err() {
            self.overrun.cancel();
        }
    }
}

/// Words a message. It is made once and shared by all who are told.
fn message(kind: &str, name: &str, text: &str) -> Utf8Bytes {
    Utf8Bytes::from(format!("{kind}\t{name}\t{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what waits for a guest.
    fn heard(place: &Place) -> Vec<String> {
        place
            .messages
            .try_iter()
            .map(|text| text.to_string())
            .collect()
    }

    #[test]
    fn everybody_in_the_room_is_told_and_nobody_else() {
        let rooms = Rooms::new();
        let ada = rooms.enter("lab", "Ada", 10);
        let grace = rooms.enter("lab", "Grace", 10);
        let alan = rooms.enter("hut", "Alan", 10);
        ada.say("hello");
        drop(grace);
        let told = [
            "here\tAda\t1",
            "came\tGrace\t2",
            "said\tAda\thello",
            "left\tGrace\t1",
        ];
        assert_eq!(heard(&ada), told);
        assert_eq!(heard(&alan), ["here\tAlan\t1"]);
    }

    #[test]
    fn one_who_does_not_listen_has_to_go_and_keeps_nobody_waiting() {
        let rooms = Rooms::new();
        let ada = rooms.enter("lab", "Ada", 100);
        let sleeper = rooms.enter("lab", "Rip", 3);
        for number in 0..10 {
            ada.say(&number.to_string());
        }
        assert_eq!(heard(&ada).len(), 12);
        assert_eq!(heard(&sleeper).len(), 3);
        assert!(sleeper.overrun.is_cancelled() && !ada.overrun.is_cancelled());
    }

    #[test]
    fn a_room_is_gone_with_its_last_guest() {
        let rooms = Rooms::new();
        drop(rooms.enter("lab", "Ada", 1));
        assert!(rooms.open.lock().unwrap().rooms.is_empty());
    }
}
