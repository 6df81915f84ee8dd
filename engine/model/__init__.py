"""What things are: frozen types with no behaviour beyond their invariants. Imports nothing of the engine."""
