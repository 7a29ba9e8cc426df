package platform

import (
	"time"

	"github.com/google/uuid"

	"github.com/gallra/gallra/dataverse/emulator/internal/metadata"
	"github.com/gallra/gallra/dataverse/emulator/internal/query"
	"github.com/gallra/gallra/dataverse/emulator/internal/store"
)

// PlaceSettings gives a user the settings that everybody has. The time zone is that of all users, where the platform has a code
// for it. Reference: UserSettings.
func (w *Writer) PlaceSettings(user uuid.UUID, unit store.Ref) {
	placeSettings(w.Tx, w.Engine, user, unit)
}

func placeSettings(t *store.Tx, e *store.Engine, user uuid.UUID, unit store.Ref) {
	tab := t.Schema.Tables["usersettings"]
	if tab == nil || t.Rows(tab.Name).Get(user) != nil { // a snapshot's environment has the tables that it holds
		return
	}
	f := store.Fields{"uilanguageid": int64(metadata.English), "localeid": int64(metadata.English)}
	if unit.ID != uuid.Nil {
		f["businessunitid"] = unit
	}
	if code, known := query.ZoneCode(e.Zone()); known {
		f["timezonecode"] = int64(code)
	}
	t.Place(tab.Name, user, f)
}

// placeQueue gives a user the private queue that every user has, named after them. Pages: webapi/samples/functions-actions-csharp
// (systemusers(id)/queueid/$ref); a recorded row of systemuser has one.
func placeQueue(t *store.Tx, id uuid.UUID, user store.Ref, name string, now store.Instant) {
	if t.Schema.Tables["queue"] == nil || t.Schema.Tables["queuemembership"] == nil { // a snapshot's environment has the tables that it holds
		return
	}
	t.Place("queue", id, store.Fields{"name": "<" + name + ">", "queueviewtype": int64(1), "ownerid": user, "statecode": int64(0), "statuscode": int64(1),
		"createdon": now, "modifiedon": now, "createdby": user, "modifiedby": user})
	if user.Table != "systemuser" {
		return
	}
	t.Place("queuemembership", uuid.NewSHA1(id, user.ID[:]), store.Fields{"queueid": id, "systemuserid": user.ID})
}

// JoinQueue makes a user a member of a queue, once.
func (w *Writer) JoinQueue(queue, user uuid.UUID) {
	t := w.Schema.Tables["queuemembership"]
	member := false
	w.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
		member = store.Value(t, r, "queueid") == queue && store.Value(t, r, "systemuserid") == user
		return !member
	})
	if !member {
		w.Place(t.Name, uuid.New(), store.Fields{"queueid": queue, "systemuserid": user})
		n := 0
		w.Data[t.Name].Scan(uuid.Nil, func(r *store.Row) bool {
			if store.Value(t, r, "queueid") == queue {
				n++
			}
			return true
		})
		w.count(queue, "numberofmembers", n)
	}
}

// notificationLife is how long a notification in an app stays unless it says otherwise. Page: send-in-app-notifications ("14 days").
const notificationLife = 14 * 24 * time.Hour

// ExpireNotifications removes the notifications whose time has come. It looks once a minute by the emulator's clock.
func (s *Service) ExpireNotifications(now time.Time) {
	if d := now.Sub(time.Unix(s.expired.Load(), 0)); d >= 0 && d < time.Minute {
		return
	}
	s.expired.Store(now.Unix())
	sn := s.Store.View()
	t := sn.Schema.Tables["appnotification"]
	if t == nil || sn.Rows(t.Name).Len() == 0 {
		return
	}
	var over []uuid.UUID
	sn.Rows(t.Name).Scan(uuid.Nil, func(r *store.Row) bool {
		since, _ := store.Value(t, r, "createdon").(store.Instant)
		life, given := store.Value(t, r, "ttlinseconds").(int64)
		if given && life > 0 && !now.Before(since.Time().Add(time.Duration(life)*time.Second)) {
			over = append(over, r.ID)
		}
		return true
	})
	if len(over) == 0 {
		return
	}
	w := s.PlatformWriter()
	defer w.Commit()
	for _, id := range over {
		w.Remove(t, id)
	}
}
