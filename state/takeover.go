package state

import "context"

type takenKey struct{}

// WithTakenFrom is for stores: it notes in the context of a lock whose lock,
// left behind or expired, was taken over.
func WithTakenFrom(ctx context.Context, left Holder) context.Context {
	return context.WithValue(ctx, takenKey{}, left)
}

// TakenFrom says from whom the lock behind a context was taken over. Who takes
// a lock over shows it: that holder's run ended without saying how.
func TakenFrom(ctx context.Context) (Holder, bool) {
	left, ok := ctx.Value(takenKey{}).(Holder)
	return left, ok
}
