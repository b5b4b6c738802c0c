"""Data that comes along: real UK weather, and a seeded simulator of drifting plumes."""
