"""What multiplies behind earl's `engine.kind: torch`: a driver that owns a Ray cluster, and one worker a GPU or CPU rank."""

# Raised with every change of what frames say; src/engine/torch/cluster.ts has the same number.
PROTOCOL = 1
