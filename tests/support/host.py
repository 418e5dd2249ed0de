"""A program that lets users in through PAM."""

from support.place import ROOT


class Host:
    """A subclass says how to log in; `house` is where the sessions are.

    Its PAM service is the example of the same name, as it is, unless a test
    puts other lines in its place.
    """

    name = None
    service = None
    # Longest password it takes, in bytes.
    longest = 1023

    def __init__(self, house):
        self.house = house
        self.machine = house.machine
        self.prepare()

    def prepare(self):
        """Start what it takes."""

    def example(self):
        return (ROOT / "etc/pam.d" / self.service).read_text()

    def use(self, text):
        """Let the PAM service be this; house.host() takes it back."""
        self.machine.service(self.service, text)

    def login(self, user, secret):
        """Whether the user gets in."""
        raise NotImplementedError

    def note(self, text):
        """Keep what a client saw, to be searched for tokens."""
        with open(self.house.place.path / f"{self.name}-client.log",
                  "a") as log:
            log.write(text)
