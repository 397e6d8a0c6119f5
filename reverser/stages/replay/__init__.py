"""Events of an audit log in, writes of objects in their order out; pure.

`reading` makes a `write` of an event and its `bodies`, `types` knows what the log tells of types,
`absent` what no object has of what is to be hidden,
`order` puts the writes of several logs in order, `seen` tells what is known already, `state` makes
the object that a write left behind.
"""
