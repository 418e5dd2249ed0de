"""What the tests and the demo share: private servers on loopback, started for
one purpose and stopped by process id, and clients that can misbehave."""
