"""Events of an audit log in, writes of objects in their order out; pure.

`reading` makes a `write` of an event and its `bodies`, `types` knows what the log tells of types,
`order` puts the writes of several logs in order, `seen` tells what is known already, `state` makes
the object that a write left behind.
"""

from reverser.stages.replay.order import Order
from reverser.stages.replay.reading import Wants, writes
from reverser.stages.replay.seen import Seen, after, known, later, parse_trailer, place_of, trailer
from reverser.stages.replay.state import Unknown, changed
from reverser.stages.replay.types import Types
from reverser.stages.replay.write import Form, Gap, Write

__all__ = [
    "Form",
    "Gap",
    "Order",
    "Seen",
    "Types",
    "Unknown",
    "Wants",
    "Write",
    "after",
    "changed",
    "known",
    "later",
    "parse_trailer",
    "place_of",
    "trailer",
    "writes",
]
