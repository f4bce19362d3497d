module gcxbench

go 1.19
