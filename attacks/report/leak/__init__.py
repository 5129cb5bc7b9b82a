"""What coded answers leak, and the frontier of defences."""
