package emulator

import "net/http"

// faults are the rules of POST /emulator/faults: what goes wrong, when.
type faults struct{}

// injection is what is to go wrong with one request.
type injection struct{}

func (f *faults) next(method string, p path) injection { return injection{} }

// before is called before the request is worked on; false means that the request has been dealt with.
func (i injection) before(w http.ResponseWriter, r *http.Request, s *Server) bool { return true }

// after is called when the work is done and before the answer goes out; false means that it must not.
func (i injection) after(w http.ResponseWriter, a *answer) bool { return true }
