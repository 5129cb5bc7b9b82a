"""What a classifier answers: its form, its reading, and the range of inputs."""
