"""Events of an audit log in, writes of objects in their order out; pure.

`reading` makes a `write` of an event and its `bodies`, `types` knows what the log tells of types,
`absent` what no object has of what is to be hidden,
`order` puts the writes of several logs in order, `seen` tells what is known already, `state` makes
the object that a write left behind.
"""

from reverser.stages.replay.absent import Absent
from reverser.stages.replay.order import Order
from reverser.stages.replay.reading import Wants, leftover, writes
from reverser.stages.replay.seen import (
    Seen,
    after,
    known,
    later,
    parse_trailer,
    place,
    place_of,
    trailer,
    trailer_path,
)
from reverser.stages.replay.state import Unknown, changed
from reverser.stages.replay.types import Types
from reverser.stages.replay.write import Emptied, Form, Gap, Told, Write

__all__ = [
    "Absent",
    "Emptied",
    "Form",
    "Gap",
    "Order",
    "Seen",
    "Told",
    "Types",
    "Unknown",
    "Wants",
    "Write",
    "after",
    "changed",
    "known",
    "later",
    "leftover",
    "parse_trailer",
    "place",
    "place_of",
    "trailer",
    "trailer_path",
    "writes",
]
