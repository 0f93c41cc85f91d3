"""Waiting without waiting."""


class ClockNaps:
    """Sleeps by advancing a clock; what is in `meanwhile` happens while it sleeps, in turn."""

    def __init__(self, clock, *meanwhile):
        self.clock = clock
        self.meanwhile = list(meanwhile)
        self.taken_s = []

    def sleep(self, seconds):
        self.taken_s.append(seconds)
        self.clock.advance(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()

    async def asleep(self, seconds):
        self.sleep(seconds)
