"""Local learning in spiking networks: STDP, Hebbian rules and soft winner-take-all circuits as Brian2 equations."""
