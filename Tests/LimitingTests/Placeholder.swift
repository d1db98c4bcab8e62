// Limiting
