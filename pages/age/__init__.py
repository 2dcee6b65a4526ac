"""Age: error and bias by age, and truth against prediction."""
