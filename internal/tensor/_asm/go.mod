module github.com/limelight-omni/limelight/internal/tensor/asm

go 1.26.0

require (
	github.com/limelight-omni/limelight v0.0.0-00010101000000-000000000000
	github.com/mmcloughlin/avo v0.5.0
)

require (
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
)

replace github.com/limelight-omni/limelight => ../../..
