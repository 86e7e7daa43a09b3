//! One connection, from hello to goodbye.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use sentrace_schema::wire::{self, Decoder, Hello, Message, PROTOCOL, Welcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::hub::{Hub, Replaced, Ticket};
use super::listen::Stream;
use super::{PARTING, Peer};

/// Bytes that are read at once.
const BUFFER: usize = 64 << 10;
/// Bytes that a peer may send before it has said hello.
const MAX_HELLO: usize = 64 << 10;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("said goodbye")]
    Goodbye,
    #[error("the server stops")]
    Stopped,
    #[error("it has connected again")]
    Replaced,
    #[error("the connection was closed")]
    Closed,
    #[error("the connection was closed within a message")]
    Torn,
    #[error("refused: {0}")]
    Refused(String),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("malformed: {0}")]
    Wire(#[from] wire::Error),
    #[error("malformed: a message out of place")]
    OutOfPlace,
    #[error("malformed: a hello of more than {MAX_HELLO} bytes")]
    Talkative,
    #[error("too slow: {0}")]
    Late(&'static str),
}

impl From<Replaced> for End {
    fn from(_: Replaced) -> Self {
        Self::Replaced
    }
}

/// Serves a connection to its end, which is logged and counted.
pub(super) async fn serve(
    stream: Box<dyn Stream>,
    peer: Peer,
    hub: Rc<RefCell<Hub>>,
    stop: watch::Receiver<bool>,
) {
    tracing::debug!(%peer, "connected");
    let line =
        Line { stream, decoder: Decoder::default(), buffer: Vec::new(), rest: 0..0, read: 0 };
    let mut session = Session { line, hub, peer };
    let end = session.run(stop).await;
    let (peer, mut hub) = (&session.peer, session.hub.borrow_mut());
    match end {
        End::Goodbye | End::Stopped | End::Replaced => tracing::debug!(%peer, "{end}"),
        End::Closed | End::Torn | End::Io(_) => tracing::info!(%peer, "{end}"),
        End::Refused(_) => {
            hub.complain(peer, &end);
            hub.counters.count(|counters| counters.refused += 1);
        }
        End::Wire(_) | End::OutOfPlace | End::Talkative => {
            hub.complain(peer, &end);
            hub.counters.count(|counters| counters.malformed += 1);
        }
        End::Late(_) => {
            hub.complain(peer, &end);
            hub.counters.count(|counters| counters.late += 1);
        }
    }
}

struct Session {
    line: Line,
    hub: Rc<RefCell<Hub>>,
    peer: Peer,
}

impl Session {
    async fn run(&mut self, mut stop: watch::Receiver<bool>) -> End {
        let greeted = tokio::select! {
            greeted = self.greet() => greeted,
            _ = stop.wait_for(|stop| *stop) => Err(End::Stopped),
        };
        let ticket = match greeted {
            Ok(ticket) => ticket,
            Err(end) => return end,
        };
        // Handling is not interrupted: nothing in it waits but for the peer to take an answer.
        let end = loop {
            let limit = self.hub.borrow().config.limits.idle;
            let message = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break End::Stopped,
                () = ticket.replaced.notified() => break End::Replaced,
                message = within(limit, "it says nothing", self.line.message()) => message,
            };
            let handled = match message {
                Ok(message) => self.handle(&ticket, message).await,
                Err(end) => Err(end),
            };
            if let Err(end) = handled {
                break end;
            }
        };
        match end {
            End::Goodbye => self.hub.borrow_mut().goodbye(&ticket),
            _ => self.hub.borrow_mut().lost(&ticket),
        }
        if matches!(end, End::Stopped) {
            self.line.part().await;
        }
        end
    }

    /// Hears the hello, and answers it.
    async fn greet(&mut self) -> Result<Ticket, End> {
        let limit = self.hub.borrow().config.limits.answer;
        let hello = within(limit, "it says no hello", self.line.hello()).await?;
        let who = format!(
            "version {} engine {} host {} container {} argv {}",
            hello.version.escape_ascii(),
            hello.engine.escape_ascii(),
            hello.hostname.escape_ascii(),
            hello.container.escape_ascii(),
            hello.argv.first().map(Vec::as_slice).unwrap_or_default().escape_ascii(),
        );
        let answer = self.hub.borrow_mut().hello(hello, &self.peer);
        let (welcome, result) = match answer {
            Ok((ticket, welcome)) => {
                tracing::info!(peer = %self.peer, tracer = %ticket.tracer, "hello: {who}");
                (welcome, Ok(ticket))
            }
            Err(reason) => {
                // An empty one would mean that there is none.
                let reason = if reason.is_empty() { "no reason given".into() } else { reason };
                let refusal = reason.clone().into_bytes();
                let welcome = Welcome { protocol: PROTOCOL, refusal, ..Welcome::default() };
                (welcome, Err(End::Refused(reason)))
            }
        };
        let welcome = Message::Welcome(welcome);
        let sent = within(limit, "it takes no answer", self.line.send(&welcome)).await;
        match (sent, &result) {
            (Err(end), Ok(ticket)) => {
                self.hub.borrow_mut().lost(ticket);
                Err(end)
            }
            _ => result,
        }
    }

    async fn handle(&mut self, ticket: &Ticket, message: Message) -> Result<(), End> {
        let acknowledged = match message {
            Message::Events(events) => self.hub.borrow_mut().events(ticket, events)?,
            Message::Heartbeat(heartbeat) => self.hub.borrow_mut().heartbeat(ticket, heartbeat)?,
            Message::Goodbye => return Err(End::Goodbye),
            Message::Hello(_) | Message::Welcome(_) | Message::Ack(_) => {
                return Err(End::OutOfPlace);
            }
        };
        let limit = self.hub.borrow().config.limits.answer;
        let ack = Message::Ack(acknowledged);
        within(limit, "it takes no answer", self.line.send(&ack)).await
    }
}

/// Messages in both directions.
struct Line {
    stream: Box<dyn Stream>,
    decoder: Decoder,
    /// What was read last, and which part of it has not been looked at.
    buffer: Vec<u8>,
    rest: std::ops::Range<usize>,
    /// Bytes read so far.
    read: usize,
}

impl Line {
    /// The next message; may be given up while it waits.
    async fn message(&mut self) -> Result<Message, End> {
        loop {
            if let Some(message) = self.decode()? {
                return Ok(message);
            }
            self.fill().await?;
        }
    }

    /// The first message.
    async fn hello(&mut self) -> Result<Hello, End> {
        loop {
            match self.decode()? {
                Some(Message::Hello(hello)) => return Ok(hello),
                Some(_) => return Err(End::OutOfPlace),
                None if self.read > MAX_HELLO => return Err(End::Talkative),
                None => self.fill().await?,
            }
        }
    }

    /// The next message among the bytes that have come.
    fn decode(&mut self) -> Result<Option<Message>, End> {
        let mut input = &self.buffer[self.rest.clone()];
        let message = self.decoder.feed(&mut input)?;
        self.rest.start = self.rest.end - input.len();
        Ok(message)
    }

    async fn fill(&mut self) -> Result<(), End> {
        self.buffer.resize(BUFFER, 0);
        self.rest = 0..0;
        let count = self.stream.read(&mut self.buffer).await?;
        if count == 0 {
            return Err(if self.decoder.is_between_messages() { End::Closed } else { End::Torn });
        }
        self.read = self.read.saturating_add(count);
        self.rest = 0..count;
        Ok(())
    }

    async fn send(&mut self, message: &Message) -> Result<(), End> {
        let frame = message.encode()?;
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Ends our side, and waits for the peer to end its own: a connection that is closed with
    /// unread bytes takes answers with it that have not arrived yet.
    async fn part(&mut self) {
        let parting = async {
            let _ = self.stream.shutdown().await;
            while self.fill().await.is_ok() {}
        };
        let _ = timeout(PARTING, parting).await;
    }
}

/// `work`, unless it takes longer than `limit`.
async fn within<T>(
    limit: Duration,
    what: &'static str,
    work: impl Future<Output = Result<T, End>>,
) -> Result<T, End> {
    timeout(limit, work).await.unwrap_or(Err(End::Late(what)))
}
