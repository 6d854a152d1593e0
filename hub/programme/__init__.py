"""What the programme does: whoever asks for it, a person, a message or the clock."""
