"""Networks that turn a history of frames into the frames that follow."""
