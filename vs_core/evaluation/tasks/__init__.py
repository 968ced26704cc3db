"""What a model can be compared on, a file for each kind of task."""
