"""Who did it: scenarios on a real API server, and the authors that Git must name for them."""
