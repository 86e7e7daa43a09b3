# The fixed part of the schema; `Event` gets its union, and `abi` its values, from syscalls.yaml.

@0xa3c1e96f07d5b284;

struct Message {
  # One frame of a connection.
  union {
    hello @0 :Hello;
    # From the tracer, first.
    welcome @1 :Welcome;
    # From the probe, in answer to hello.
    events @2 :List(Event);
    # From the tracer.
    ack @3 :UInt64;
    # From the probe: it has all events up to this sequence number.
    heartbeat @4 :Heartbeat;
    # From the tracer.
    goodbye @5 :Void;
    # From the tracer: nothing follows.
  }
}

struct Hello {
  # Who the tracer is.
  protocol @0 :UInt32;
  # Version of the protocol.
  version @1 :Data;
  # Version of the program, for people.
  tracer @2 :UInt64;
  # Tells tracers apart: random, the same after a reconnection.
  mode @3 :Mode;
  # How the application came to be traced.
  engine @4 :Data;
  # Name of the engine, for people.
  pidNamespace @5 :UInt64;
  # Inode of the pid namespace in which pids are meant, 0 when unknown.
  hostname @6 :Data;
  # Name of the machine or container.
  container @7 :Data;
  # Container id, empty outside of containers.
  argv @8 :List(Data);
  # Arguments of the application.
  token @9 :Data;
  # Shared secret, empty when none is configured.
}

enum Mode {
  # How the application came to be traced.
  wrapped @0;
  attached @1;
}

struct Welcome {
  # The probe's answer.
  protocol @0 :UInt32;
  # Version of the protocol.
  refusal @1 :Data;
  # Why the tracer is turned away; empty when it is accepted.
  acknowledged @2 :UInt64;
  # Highest sequence number that the probe has from this tracer.
  events @3 :UInt16;
  # Number of events that the probe knows.
  interest @4 :Interest;
  # What the tracer is asked to report.
}

struct Interest {
  # What a tracer is asked to report.
  union {
    full @0 :Void;
    # All events with their results.
    events @1 :List(EventInterest);
    # These and no others.
  }
}

struct EventInterest {
  # An event that the probe needs.
  event @0 :UInt16;
  # Its number: that in the union of Event, less 1.
  capture @1 :Capture;
  # How much of the call is needed.
}

enum Capture {
  # How much of a call is needed.
  entry @0;
  entryAndExit @1;
}

struct Heartbeat {
  # Sign of life with counters since the start of the tracer.
  timestamp @0 :UInt64;
  # Nanoseconds since the epoch.
  sequence @1 :UInt64;
  # Sequence number of the newest event.
  queued @2 :UInt64;
  # Bytes that wait to be sent.
  stops @3 :UInt64;
  # Stops of traced threads.
  dropped @4 :List(UInt64);
  # Dropped events by their number; shorter when the rest is 0.
}

struct Header {
  # What every event has.
  sequence @0 :UInt64;
  # Number of the event in its tracer, from 1.
  timestamp @1 :UInt64;
  # Nanoseconds since the epoch.
  pid @2 :Int32;
  # Thread group id as the tracer sees it.
  tid @3 :Int32;
  # Thread id as the tracer sees it.
  retval @4 :Int64;
  # Result of the call, or a negative error number.
  marks @5 :UInt32;
  # 1: cut, 2: memory unreadable, 4: result predicted, 8: memory changed meanwhile, 16: events lost.
  abi @6 :UInt16;
  # By its id in syscalls.yaml.
  nr @7 :UInt32;
  # System call number on that ABI, 4294967295 for events that the engine reports.
}

struct Event {
  # Something that happened.
  header @0 :Header;
}
